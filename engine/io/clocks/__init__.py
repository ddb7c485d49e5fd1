"""Sound between two clocks: what one makes and another takes, resampled so that neither runs dry."""
