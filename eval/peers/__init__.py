"""Other systems over the same library, questions and model, so that their figures stand in the same table."""
