"""Tests of the web pages, from pure forms to a real browser."""
