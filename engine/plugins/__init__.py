"""Third-party plug-ins: finding them, trying them in a child process, knowing what they are. Loads none itself."""
