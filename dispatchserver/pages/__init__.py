"""The web pages: pure view models and forms, and handlers that read, call and render."""
