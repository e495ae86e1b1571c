"""Character cards, versions 1 to 3, as PNG or JSON: read, kept whole, and written.

A card is a stranger's file: nothing in it is ever a path, a pattern, an address that is opened, or markup.
"""
