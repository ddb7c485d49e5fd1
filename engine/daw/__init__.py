"""The link to a DAW's plug-in: shared memory through which it asks the mixer for blocks, as its clock."""
