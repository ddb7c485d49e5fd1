"""The one mixer: state into blocks. Knows neither device nor clock."""
