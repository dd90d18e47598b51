"""How objects go to the PACS: by C-STORE or STOW-RS, in a form that it takes, and how it says that it keeps them."""
