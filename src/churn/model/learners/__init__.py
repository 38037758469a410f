"""Learners: ways to grow a model, each giving trees in the one form that is stored and explained.

A new one is a module with a function like `churn.model.learners.libraries.fit_histogram`, and an entry in `catalogue`.
"""
