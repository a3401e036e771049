"""All input and output: a folder per store or vendor.

An adapter implements a Protocol class that its user in the core defines, and surfaces inject it.
Nothing here decides anything; nothing in the core imports from here.
"""
