use aws_sdk_ec2::{
    config::{
        ConfigBag, Credentials, Intercept, RuntimeComponents, SharedCredentialsProvider,
        interceptors::BeforeTransmitInterceptorContextRef,
    },
    error::BoxError,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

use super::*;
use crate::mandate::uptime;
use crate::model::{Ec2ErrorKind, LEASE_LOST};

#[test]
fn the_app_name_is_one_that_the_sdk_takes() {
    assert!(AppName::new(APP_NAME).is_ok());
}

#[test]
fn a_count_of_none_is_not_sent() {
    assert_eq!((count(0), count(3), count(u32::MAX)), (None, Some(3), Some(i32::MAX)));
}

/// EC2 at an address, with retries that the adapter must switch off.
fn config(endpoint: &str) -> SdkConfig {
    let credentials = Credentials::new("AKIAIOSFODNN7EXAMPLE", "secret", None, None, "test");
    bare(endpoint).into_builder().credentials_provider(SharedCredentialsProvider::new(credentials)).build()
}

fn bare(endpoint: &str) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("eu-central-1"))
        .endpoint_url(endpoint)
        .app_name(AppName::new(APP_NAME).unwrap())
        .retry_config(RetryConfig::standard().with_max_attempts(5))
        .build()
}

/// A server that gives one answer to everything, and hands on what it was sent.
async fn server(status: &'static str, body: &'static str) -> (String, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let sent = answer(stream, status, body).await;
            let _ = sender.send(sent);
        }
    });
    (endpoint, receiver)
}

async fn answer(mut stream: TcpStream, status: &str, body: &str) -> String {
    let mut sent = Vec::new();
    let mut chunk = vec![0; 16 * 1024];
    while !complete(&sent) {
        let length = stream.read(&mut chunk).await.unwrap();
        sent.extend_from_slice(&chunk[..length]);
    }
    let length = body.len();
    let text = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
    stream.write_all(text.as_bytes()).await.unwrap();
    String::from_utf8(sent).unwrap()
}

fn complete(sent: &[u8]) -> bool {
    let text = String::from_utf8_lossy(sent);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length =
        head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0)
}

fn subnets() -> SubnetQuery {
    SubnetQuery::Ids(vec!["subnet-0123abcd".parse().unwrap()])
}

fn eni() -> EniId {
    "eni-0123abcd".parse().unwrap()
}

async fn failure(endpoint: &str) -> crate::model::Ec2Error {
    Aws::over(&config(endpoint), Duration::from_secs(5)).subnets(&subnets()).await.unwrap_err()
}

#[tokio::test]
async fn a_call_is_made_once_whatever_the_sdk_was_told() {
    let (endpoint, mut sent) = server("503 Service Unavailable", "<html>busy</html>").await;
    let error = failure(&endpoint).await;
    assert_eq!((error.call, error.kind), (Call::DescribeSubnets, Ec2ErrorKind::NoAnswer));
    assert_eq!((sent.len(), sent.recv().await.is_some()), (1, true));
}

#[tokio::test]
async fn a_refusal_keeps_the_words_of_ec2() {
    let body = "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You may not.</Message>\
        </Error></Errors><RequestID>r-1</RequestID></Response>";
    let (endpoint, mut sent) = server("403 Forbidden", body).await;
    let error = failure(&endpoint).await;
    assert_eq!(error.to_string(), "DescribeSubnets: UnauthorizedOperation: You may not.");
    assert_eq!(error.kind, Ec2ErrorKind::Unauthorized);
    let sent = sent.recv().await.unwrap();
    assert!(sent.contains(&format!("app/{APP_NAME}")), "{sent}");
}

#[tokio::test]
async fn a_page_of_a_proxy_is_no_answer() {
    for status in ["200 OK", "404 Not Found", "500 Internal Server Error"] {
        let (endpoint, _sent) = server(status, "<html>oops</html>").await;
        assert_eq!(failure(&endpoint).await.kind, Ec2ErrorKind::NoAnswer, "{status}");
    }
}

#[tokio::test]
async fn a_closed_port_is_no_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = failure(&endpoint).await;
    assert_eq!((error.kind, error.code.as_str()), (Ec2ErrorKind::NoAnswer, "Unreachable"), "{error}");
}

#[tokio::test]
async fn a_connection_that_breaks_is_no_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut vec![0; 16 * 1024]).await;
        }
    });
    let error = failure(&endpoint).await;
    assert_eq!((error.kind, error.code.as_str()), (Ec2ErrorKind::NoAnswer, "Unreachable"), "{error}");
}

#[tokio::test]
async fn a_search_for_credentials_that_takes_too_long_is_told_as_such() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = format!("http://{}", listener.local_addr().unwrap());
    let said = in_environment(&[
        ("AWS_REGION", "eu-central-1"),
        ("AWS_EC2_METADATA_DISABLED", "false"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &silent),
        ("CALL_TIMEOUT_MILLIS", "400"),
    ])
    .await;
    assert!(said.contains("Unauthenticated") && said.contains("timed out after 200ms"), "{said}");
}

#[tokio::test]
async fn a_call_ends_in_its_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let aws = Aws::over(&config(&endpoint), Duration::from_millis(200));
    let error = tokio::time::timeout(Duration::from_secs(5), aws.delete(&eni())).await.unwrap().unwrap_err();
    assert_eq!((error.kind, error.code.as_str()), (Ec2ErrorKind::NoAnswer, "Timeout"), "{error}");
}

#[tokio::test]
async fn an_answer_without_what_we_need_is_no_answer() {
    let body = "<AttachNetworkInterfaceResponse/>";
    let (endpoint, _sent) = server("200 OK", body).await;
    let aws = Aws::over(&config(&endpoint), Duration::from_secs(5));
    let at = Position { card: 0, device: 1 };
    let error = aws.attach(&eni(), &"i-0123abcd".parse().unwrap(), at).await.unwrap_err();
    assert_eq!(error.kind, Ec2ErrorKind::NoAnswer);
    assert_eq!(error.message, "eni-0123abcd: attachmentId is missing");
}

#[tokio::test]
async fn the_first_card_is_named_too() {
    let (endpoint, mut sent) = server("200 OK", "<AttachNetworkInterfaceResponse/>").await;
    let aws = Aws::over(&config(&endpoint), Duration::from_secs(5));
    let at = Position { card: 0, device: 1 };
    let _ = aws.attach(&eni(), &"i-0123abcd".parse().unwrap(), at).await;
    let sent = sent.recv().await.unwrap();
    assert!(sent.contains("DeviceIndex=1") && sent.contains("NetworkCardIndex=0"), "{sent}");
}

#[tokio::test]
async fn a_listing_is_filtered_and_paged() {
    let (endpoint, mut sent) = server("200 OK", "<DescribeNetworkInterfacesResponse/>").await;
    let aws = Aws::over(&config(&endpoint), Duration::from_secs(5));
    let query = EniQuery::OfNodeEnis(crate::model::ClusterId("c*".to_owned()), vec!["n".to_owned()]);
    assert_eq!(aws.enis(&query).await, Ok(Vec::new()));
    let sent = sent.recv().await.unwrap();
    for part in [
        "Action=DescribeNetworkInterfaces",
        "Filter.1.Name=tag%3Anetworking.k8s.aws%2Fcluster-id&Filter.1.Value.1=c%5C%2A",
        "Filter.2.Name=tag%3Anetworking.k8s.aws%2Fnode-eni&Filter.2.Value.1=n",
        "MaxResults=1000",
    ] {
        assert!(sent.contains(part), "{part}: {sent}");
    }
}

#[tokio::test]
async fn without_credentials_nothing_is_sent() {
    let (endpoint, mut sent) = server("200 OK", "").await;
    let aws = Aws::over(&bare(&endpoint), Duration::from_secs(5));
    let error = aws.subnets(&subnets()).await.unwrap_err();
    assert_eq!(
        (error.kind, error.code.as_str()),
        (Ec2ErrorKind::Unauthenticated, "NoCredentials"),
        "{error}"
    );
    assert!(error.message.contains("IRSA"), "{error}");
    assert!(sent.try_recv().is_err());
}

/// What `connect` and a call come to in a process with this environment and no other.
async fn in_environment(variables: &[(&str, &str)]) -> String {
    let output = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "ec2::aws::tests::connects_and_calls"])
        .env_clear()
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_CONFIG_FILE", "/nonexistent")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
        .envs(variables.iter().copied())
        .output()
        .await
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
#[ignore = "run by the tests below, in an environment of its own"]
#[expect(clippy::print_stdout, clippy::disallowed_methods, reason = "it is how the process is spoken with")]
async fn connects_and_calls() {
    let millis = std::env::var("CALL_TIMEOUT_MILLIS").map_or(5000, |millis| millis.parse().unwrap());
    let call_timeout = Duration::from_millis(millis);
    match Aws::connect(AwsSettings { call_timeout, ..AwsSettings::default() }).await {
        Ok(aws) => println!("{:?}", aws.subnets(&subnets()).await),
        Err(error) => println!("{error:?}"),
    }
}

#[tokio::test]
async fn without_a_region_nothing_is_connected() {
    let said = in_environment(&[]).await;
    assert!(said.contains("NoRegion"), "{said}");
}

#[tokio::test]
async fn a_search_for_credentials_that_finds_none_is_told_as_such() {
    let said = in_environment(&[("AWS_REGION", "eu-central-1")]).await;
    assert!(said.contains("Unauthenticated") && said.contains("Pod Identity"), "{said}");
}

#[tokio::test]
async fn the_environment_names_endpoint_and_credentials() {
    let (endpoint, mut sent) = server("200 OK", "<DescribeSubnetsResponse/>").await;
    let said = in_environment(&[
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ENDPOINT_URL", &endpoint),
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ])
    .await;
    assert!(said.contains("Ok([])"), "{said}");
    assert!(sent.recv().await.unwrap().contains("/eu-central-1/ec2/aws4_request"));
}

/// Ends a mandate when a request is signed and about to be handed to its connection.
#[derive(Debug)]
struct Ending(Mandate);

impl Intercept for Ending {
    fn name(&self) -> &'static str {
        "Ending"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.extend(uptime());
        Ok(())
    }
}

#[tokio::test]
async fn a_call_whose_mandate_ends_before_it_is_written_is_not_sent_and_said_to_be_unsent() {
    let (endpoint, mut sent) = server("200 OK", "<DeleteNetworkInterfaceResponse/>").await;
    let mandate = Mandate::none();
    mandate.extend(uptime() + Duration::from_mins(1));
    let aws = Aws::over(&config(&endpoint), Duration::from_secs(5)).within(mandate.clone());
    aws.delete(&eni()).await.unwrap();
    assert!(sent.recv().await.unwrap().contains("Action=DeleteNetworkInterface"));
    let ending = aws.client.config().to_builder().interceptor(Ending(mandate)).build();
    let aws = Aws { client: Client::from_conf(ending), ..aws };
    let error = aws.delete(&eni()).await.unwrap_err();
    assert_eq!((error.kind, error.code.as_str()), (Ec2ErrorKind::Conflict, LEASE_LOST), "{error}");
    assert!(error.is_lease_lost() && error.message.contains("was not sent"), "{error}");
    assert!(sent.try_recv().is_err(), "it was sent");
}
