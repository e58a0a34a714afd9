"""Kartlegging: how much hateful expression there is, towards whom, and how sure that is."""
