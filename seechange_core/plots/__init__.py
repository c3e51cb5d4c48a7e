"""Pictures of what the chain makes.

Each function draws on matplotlib axes or a figure that it returns; the caller saves it. The figures belong to no
window and no global state. The modules load matplotlib: commands import them where they draw.
"""
