"""What goes wrong while remembering, in words that say what to do."""


class StorageError(Exception):
    """The database or its folder can't be used. `str(error)` is for a person."""


class ImageError(ValueError):
    """These bytes are no picture that a lane may see. `str(error)` is for a person."""


class RatingError(ValueError):
    """This is no judgement of that comparison. `str(error)` is for a person."""
