"""What anyone may see of an object or a product: nothing about its use or its owner.

Whether an object has an owner is not shown either. Uses objects, organizations and kit.
"""
