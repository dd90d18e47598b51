"""Who may do what: users, sessions, tokens, certificates, and the record of what they did."""
