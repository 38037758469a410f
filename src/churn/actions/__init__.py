"""What managers do with scores: their day, and their lists."""
