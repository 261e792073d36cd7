"""Adapters: what stands before anybody's model, so that pictures go in and boxes in their pixels come out.

:mod:`.contract` says what an adapter is; :mod:`.opening` finds the one for a model.
"""
