"""What a user may get wrong."""


class UserError(ValueError):
    """A mistake of the user's, told in one line that names the fix."""
