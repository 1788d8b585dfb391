/// An RSA-2048 key for tests, published with its vectors in our reference for client-side encryption; nothing secret.
package enum RSATestKey {
    /// PKCS#8.
    package static let pem = """
        -----BEGIN PRIVATE KEY-----
        MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDBxlDQrP4BJb/D
        Q8zxpGcaK8HsNkUFs/FKncmzf6QU3ypN7hzSPAFzHBe14z8b7L7Fr3Kq8/i7jKnC
        CFNvmCssv2b0tFozhuyjAszu/UkQZO8h08++ycGywi/WvGG8WurCb/Gv9rQt6o5s
        3t+5KNLa3ppeQjMXDU/ZWHL2z/zi419mlvrcZCQPOiMdaPd3SkDy/HWNP6CEilLY
        g8CSfuL1XNlhAUMlEhQTo+YM4UEDYBtSEUnFDJX2AJqApQGRaZHEY30JZ7gxoetJ
        uFslc0Nih4O84W0fjR+ihnvu5GhtxOI46ltwWiKbyAm+v0g8QFsJ9FsxAfnV6f6y
        FUObDWhLAgMBAAECggEAG1Ew3Wo12MWQlh99yecKXecjTICOFHK8pm8+Gx74a7TW
        SuwxhfXNooOoWAz0PaSPdGD6gl0oiJAY8nCoCohiNcm54u918+OmgoiHiX2NilEg
        YR1yIQxiUSgNBHHEOYB7rfOIF+1okzyI3ZJB6eF2cEKHcphUiYBn7FUKx/6kQPvb
        01gIMGvR05hDOXWV1fXdIk2r2RoajoVBnTUgTrBbUqTdFrYEuLhU6J5PFRB11Fcf
        d2VLjB/CLWhjKJQlo6MBL6IromC/AhuCVurA0i7FuqsG28ZAkTXiBpiNAAgX+g2V
        dg0C593FIBYnteDYtJk3pwxZLWJGWANUzkAWJ7kasQKBgQDy63+9mNArUyp1TeHn
        r6LKaReC03XUBMsAtczn0ESOKNNNzpz4fmuyFJB/hAbpUW2xDvJLaARVhq3H0O48
        TBNSJfqxYDfZzFiIVCVIHeN+MECGCMmF/j460AIsXfLmWLmOmlX58iAPoQ/v3pjM
        fypaE8djKgFcFk3ps9PkpgniKQKBgQDMNWE7+hEYz0nfQCQF2FfTadApmFhlmX5s
        axGUBMsUrmKYIrkYgW+OxmC+XE9jAXjVwd3vcc4ja1h1uZHbTiFipwto+auFicO8
        R7NHbabFWbakZ3K//iIqYqs5k71G8quGDyykFI4dWKvcB2z8UnAFqiu+UVUGM7fE
        mCbs+BUNUwKBgQDk0ASj7yPuG0k78x9d36dkJzdZKJutGNKqmZQnqppYmYXnnT1o
        J5SDyjENm6vy65t6Es0RUCn88X4RX/B3ZWUxlMqddzdEdOHTkAcJ9fVJ8GNmnTJN
        f1zYgwP5DIl2hY5LD376jyG59wkO9UpSHVokPMsr0e4z8mJzRsrJbciTeQKBgHvl
        PxM2izz0NyueLLznH5IDNuqlpawuzodVBps5tUTc8LDBEHAPx/Fl5rhYJUo6UGfQ
        caie8aSHsmnqptXZt2O1WbTdFfW1Oe53ygviOTavUaK5qONXer8gkiYivsnW3b4+
        YqVCW17ut4aNctA76/9j2ZpkmiNjKXG7ppJLiepFAoGAPXjOQIPJzAhAEo8UiN5z
        l9/OJeUzBCbGKUdfuEPXJFhvk8VRrbeR2USztYmXfrum2ALUNryHNHH395BnyWF+
        1ES6kxQjdjiJYQjJaUyiOfwFoky6PZgzfg0fWVcrXD7ZXvemAxMLVUESHvqwlD68
        WUdNrrd/vR/JaJsU/Mx15H0=
        -----END PRIVATE KEY-----
        """
}
