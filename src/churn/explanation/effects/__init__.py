"""What binding a service does to churn: randomised offers, alike customers compared, and tests of both."""
