"""Models: trees bit for bit, sealed files, predictors."""
