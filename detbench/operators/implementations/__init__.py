"""One module a way of running operators: each ``IMPLEMENTATIONS``; none imports its framework before it is bound."""
