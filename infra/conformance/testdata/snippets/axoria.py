import hmac, hashlib, base64
def verify(secret: str, payload: bytes, signature: str) -> bool:
    mac = hmac.new(secret.encode(), payload, hashlib.sha256)
    expected = "sha256=" + base64.b64encode(mac.digest()).decode()
    return hmac.compare_digest(expected, signature)
