//! Both sides against each other, and the files against what they should be.

#[path = "../../../tests/support/certificates.rs"]
mod certificates;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use certificates::{Authority, Issued, Valid, replace};
use rustls::ProtocolVersion;
use tempfile::TempDir;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::*;

/// A directory with files of certificates in it.
struct Files {
    directory: TempDir,
}

impl Files {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn put(&self, name: &str, text: &str) -> PathBuf {
        replace(&self.path(name), text);
        self.path(name)
    }

    fn identity(&self, name: &str, issued: &Issued) -> IdentityFiles {
        let [certificate, key] = issued.write(self.directory.path(), name);
        IdentityFiles { certificate, key }
    }
}

fn server(identity: IdentityFiles, client_authorities: Option<PathBuf>) -> Result<ServerTls, TlsError> {
    ServerTls::load(ServerFiles { identity, client_authorities, protocols: &[] })
}

fn client(authorities: PathBuf, identity: Option<IdentityFiles>) -> Result<ClientTls, TlsError> {
    ClientTls::load(ClientFiles { authorities: Some(authorities), identity })
}

/// Connects the two through a pipe; what each says to that, and the version that both speak.
async fn meet(
    server: &ServerTls,
    client: &ClientTls,
    host: &str,
) -> Result<Option<ProtocolVersion>, (Option<String>, Option<String>)> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (near, far) = tokio::io::duplex(16 * 1024);
    let connect = async {
        let connector = TlsConnector::from(client.config());
        let mut stream = connector.connect(server_name(host).unwrap(), near).await?;
        // What the server thinks of the client's certificate comes after that.
        stream.read_u8().await?;
        std::io::Result::Ok(stream.get_ref().1.protocol_version())
    };
    let accept = async {
        let mut stream = TlsAcceptor::from(server.config()).accept(far).await?;
        stream.write_u8(1).await?;
        stream.flush().await
    };
    match tokio::join!(connect, accept) {
        (Ok(version), Ok(())) => Ok(version),
        (near, far) => {
            Err((near.err().map(|error| error.to_string()), far.err().map(|error| error.to_string())))
        }
    }
}

#[tokio::test]
async fn both_sides_are_verified_where_they_are_to_be() {
    let files = Files::new();
    let (ours, theirs) = (Authority::new(), Authority::new());
    let ca = files.put("ca.pem", ours.pem());
    let identity = files.identity("server", &ours.issue(&["exporter", "127.0.0.1", "::1"], Valid::Now));
    let open = server(identity.clone(), None).unwrap();
    let strict = server(identity, Some(ca.clone())).unwrap();
    let known = files.identity("known", &ours.issue(&["agent"], Valid::Now));
    let stranger = files.identity("stranger", &theirs.issue(&["agent"], Valid::Now));

    let anonymous = client(ca.clone(), None).unwrap();
    for host in ["exporter", "EXPORTER", "exporter.", "127.0.0.1", "::1"] {
        assert_eq!(meet(&open, &anonymous, host).await, Ok(Some(ProtocolVersion::TLSv1_3)), "{host}");
    }
    for host in ["exporter2", "10.0.0.1", "x.exporter"] {
        assert!(meet(&open, &anonymous, host).await.is_err(), "{host}");
    }
    assert!(meet(&strict, &anonymous, "exporter").await.is_err());
    let known = client(ca.clone(), Some(known)).unwrap();
    assert!(meet(&strict, &known, "exporter").await.is_ok());
    assert!(meet(&open, &known, "exporter").await.is_ok());
    let stranger = client(ca, Some(stranger)).unwrap();
    assert!(meet(&strict, &stranger, "exporter").await.is_err());
}

#[tokio::test]
async fn new_files_count_from_the_next_connection_on_and_broken_ones_change_nothing() {
    let files = Files::new();
    let (old, new) = (Authority::new(), Authority::new());
    let identity = files.identity("server", &old.issue(&["exporter"], Valid::Now));
    let server = server(identity, None).unwrap();
    let trusts_old = client(files.put("old.pem", old.pem()), None).unwrap();
    let ca = files.put("new.pem", new.pem());
    let trusts_new = client(ca.clone(), None).unwrap();
    assert!(meet(&server, &trusts_old, "exporter").await.is_ok());
    assert_eq!(server.refresh(), None, "nothing has changed");

    let issued = new.issue(&["exporter"], Valid::Now);
    replace(&files.path("server.key"), &issued.key);
    let error = server.refresh().unwrap().unwrap_err();
    assert_eq!(error.part(), Part::Key, "the key came first: {error}");
    assert_eq!(server.refresh(), None, "it is told once");
    assert!(meet(&server, &trusts_old, "exporter").await.is_ok(), "the old pair stays");
    replace(&files.path("server.pem"), &issued.certificate);
    assert_eq!(server.refresh(), Some(Ok(())));
    assert!(meet(&server, &trusts_new, "exporter").await.is_ok());
    assert!(meet(&server, &trusts_old, "exporter").await.is_err());

    fs::remove_file(files.path("server.pem")).unwrap();
    let told = server.refresh().unwrap().unwrap_err().to_string();
    assert!(told.contains("server.pem cannot be read (No such file"), "{told}");
    assert_eq!(server.refresh(), None);
    assert!(meet(&server, &trusts_new, "exporter").await.is_ok());
    replace(&files.path("server.pem"), &issued.certificate);
    assert_eq!(server.refresh(), Some(Ok(())));

    replace(&ca, old.pem());
    assert_eq!(trusts_new.refresh(), Some(Ok(())));
    assert!(meet(&server, &trusts_new, "exporter").await.is_err(), "its CA is trusted no more");
}

#[test]
fn each_file_of_no_use_is_named_with_what_would_be_right() {
    let files = Files::new();
    let ca = Authority::new();
    let good = ca.issue(&["exporter"], Valid::Now);
    let other = ca.issue(&["exporter"], Valid::Now);
    let check = |issued: &Issued, authorities: Option<&str>, part: Part, wrong: &str| {
        let identity = files.identity("server", issued);
        let authorities = authorities.map(|text| files.put("clients.pem", text));
        let error = server(identity, authorities).unwrap_err();
        assert_eq!(error.part(), part, "{error}");
        assert!(error.refusal().to_string().contains(wrong), "{error}");
        assert!(error.to_string().contains("; "), "{error}");
    };
    let with = |certificate: &str, key: &str| Issued { certificate: certificate.into(), key: key.into() };
    let (certificate, key) = (good.certificate.as_str(), good.key.as_str());
    let cut = &certificate[..certificate.len() / 2];
    check(&with("", key), None, Part::Certificate, "holds no certificate");
    check(&with(key, key), None, Part::Certificate, "holds no certificate");
    check(&with(cut, key), None, Part::Certificate, "is no PEM");
    check(&with(certificate, ""), None, Part::Key, "holds no private key");
    check(&with(certificate, certificate), None, Part::Key, "holds no private key");
    check(&with(certificate, &other.key), None, Part::Key, "does not go with the certificate");
    check(&good, Some(""), Part::Authorities, "holds no certificate");
    check(&good, Some(key), Part::Authorities, "holds no certificate");
    check(&with(&"x".repeat(1024 * 1024 + 1), key), None, Part::Certificate, "is larger than 1 MiB");

    let missing = IdentityFiles { certificate: "/nowhere/a.pem".into(), key: "/nowhere/a.key".into() };
    let error = server(missing, None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "/nowhere/a.pem cannot be read (No such file or directory (os error 2)); name a PEM file that this user may read"
    );
    assert_eq!(client(Path::new("/").into(), None).unwrap_err().part(), Part::Authorities);
}

#[test]
fn keys_are_never_shown() {
    let files = Files::new();
    let issued = Authority::new().issue(&["exporter"], Valid::Now);
    let tls = Arc::new(server(files.identity("server", &issued), None).unwrap());
    let line = issued.key.lines().nth(1).unwrap();
    assert!(!format!("{tls:?}").contains(line));
}
