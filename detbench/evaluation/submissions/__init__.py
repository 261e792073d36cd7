"""Submissions: folders with a model's predictions and what its makers say of it, checked and evaluated."""
