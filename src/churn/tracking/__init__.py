"""Runs, the registry of models, and serving: the only package that imports mlflow, and only when it is used."""
