"""Every published figure, each from one program that prints it."""
