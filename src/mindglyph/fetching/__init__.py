"""Fetches MindBigData's published sets, and checks what came."""
