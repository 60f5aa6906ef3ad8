"""The schema's history: numbered SQL files, a folder a database; a file never changes once it is released."""
