"""The queue worker for RunPod's serverless platform: jobs in, speech out, by the engines of the server.

Only `__main__`, `composition`, `handler` and `local_api` know the `runpod` package, only `s3` knows boto3; no other
part of the server knows of this one, but for where models are looked for (`model_path`).
"""
