"""Cuevox Return: the plug-ins for DAWs, in C++, and how they are built and installed. ISC, unlike the engine."""
