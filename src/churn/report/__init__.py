"""The managers' page: facts first (`summary`), then rendering alone (`page`)."""
