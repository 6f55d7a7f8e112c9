"""The read side: questions that are asked of the views. Its API and its journey map come later."""
