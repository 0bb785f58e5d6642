"""Does the cited text say so? One interface, several judges.

    claim + evidence sentences -> comparison -> findings of the rules -> probability -> judgement

Rung 0 are rules, rung 1 a small trained model, rung 2 a language model for what is left
uncertain; beside them stand the trivial judges that show what a figure is worth.
"""
