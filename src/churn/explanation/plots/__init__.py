"""Pictures of an explanation, in English and Chinese."""
