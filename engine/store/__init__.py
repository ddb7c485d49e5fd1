"""What is kept beside stories: takes with all that shaped them, profiles of cloned voices. SQLAlchemy's only home."""
