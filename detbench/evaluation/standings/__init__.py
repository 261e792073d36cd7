"""Models by rank: whose numbers are ahead, who is tied, and what may not be ranked together."""
