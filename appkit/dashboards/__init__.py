"""The pages of ``appkit serve``. The only room that knows Panel."""
