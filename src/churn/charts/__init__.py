"""Every picture that matplotlib draws: of models, of churn over time, of explanations, in English and Chinese."""
