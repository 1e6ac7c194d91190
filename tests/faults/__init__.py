"""What may be lost or doubled when everything is killed at random: nothing."""
