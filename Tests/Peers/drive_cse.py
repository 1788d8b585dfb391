"""Google's own client for bulk import into encrypted Drive (PyPI: drive-cse-upload) against a key service.

Only its class for Drive is replaced, by one that keeps the files here; what it does with keys, tokens and the key service is Google's code.

usage: drive_cse.py BASE-URL RESOURCE-TOKEN CREDENTIALS FILE   (REQUESTS_CA_BUNDLE names the authority)
"""
import io
import sys

from drive_cse_upload import _cse_drive_client, _cse_kacls_client, cse_uploader

base, token, credentials, path = sys.argv[1:]


class Drive(_cse_drive_client.CseDriveClient):
    files = {}

    def __init__(self, sa_key_file):
        self._delegated_user_email = None

    def generate_cse_token(self, parent_id=None, file_id=None):
        return {'jwt': token, 'fileId': 'file-1', 'currentKaclsId': '17'}

    def cse_upload(self, content, file_id, filename, details, parent_id=None, content_type=None, size_hint=None):
        content.seek(0)
        Drive.files[file_id] = (details, content.read())
        return {'id': file_id, 'name': filename}

    def cse_download(self, file_id):
        details, content = Drive.files[file_id]
        metadata = dict(details['decryptionMetadata'], jwt=token)
        return {'clientEncryptionDetails': dict(details, decryptionMetadata=metadata)}, io.BytesIO(content)

    def delete(self, file_id):
        del Drive.files[file_id]


_cse_drive_client.CseDriveClient = Drive
uploader = cse_uploader.CseUploader('unused', 'unused', credentials)
file = uploader.upload(path, 'ann@example.com')
details, content = Drive.files[file['id']]
with open(path, 'rb') as original:
    assert original.read() not in content
print('uploaded', file['name'])

# Another resource than the one that was wrapped: refused, in words that Google's client shows to people.
kacls = _cse_kacls_client.CseKaclsClient()
authn = uploader._idp.get_authn_token()
wrapped = cse_uploader._cse_util.b64urldecode(details['decryptionMetadata']['wrappedKey']).decode()
try:
    kacls.privileged_unwrap(wrapped, '//googleapis.com/drive/files/other', authn, base)
    print('opened for another resource')
except RuntimeError as error:
    print('refused' if '"code":403' in str(error) else error)
try:
    kacls.privileged_wrap('AQ==', 'r', authn + 'x', base)
    print('wrapped with a forged token')
except RuntimeError as error:
    print('refused' if '"code":401' in str(error) else error)
