"""The `.do` dialect: what applications of iuap-dispatch speak, to the letter and to its known habits."""
