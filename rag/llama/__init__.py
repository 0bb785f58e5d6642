"""footnoted among llama-index's objects: its models for us, our search, answerer and judge for its users.

    from rag.llama.engines import FootnotedQueryEngine, FootnotedRetriever
    from rag.llama.evaluator import FootnotedEvaluator
    from rag.llama.models import LlamaIndexModel
    from rag.llama.nodes import AbstractNodeParser

Each of these modules imports llama-index's core, which takes seconds: nothing else here
imports them but where they are needed.
"""
