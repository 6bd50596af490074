"""What an onlooker is shown of a system."""
