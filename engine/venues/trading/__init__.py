"""What the trading sessions of venues share: values of orders and fills, and the measured clock."""
