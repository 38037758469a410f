"""What the commands do, as functions of open data that give values instead of files: behind `import churn`."""
