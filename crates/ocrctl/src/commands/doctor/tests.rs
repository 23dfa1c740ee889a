use super::*;
use ocrctl_protocol::doctor::Port;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn target() -> Target {
    Target {
        name: "ocr1".into(),
        address: "192.0.2.1".into(),
        port: None,
        user: Some("deploy".into()),
        host_keys: Vec::new(),
        identity_file: None,
        jump: Vec::new(),
        connection: Connection::Openssh,
        sudo_password: None,
    }
}

fn words(lines: &[Line]) -> Vec<(&str, &str)> {
    let word = |verdict: &Verdict| match verdict {
        Verdict::Ok { .. } => "ok",
        Verdict::Finding { .. } => "failed",
        Verdict::CouldNotRun { .. } => "could not run",
    };
    lines
        .iter()
        .map(|line| (line.check.as_str(), word(&line.verdict)))
        .collect()
}

#[test]
fn reports_each_step_of_the_login() {
    assert_eq!(
        words(&arrival(&target(), None)),
        [("ssh", "ok"), ("sudo", "ok")]
    );
    let wrong = SessionError::WrongSudoPassword {
        host: "ocr1".into(),
        user: "deploy".into(),
    };
    assert_eq!(
        words(&arrival(&target(), Some(&wrong))),
        [("ssh", "ok"), ("sudo", "failed"), ("host", "could not run")]
    );
    let full = SessionError::DiskFull {
        host: "ocr1".into(),
        directory: "/opt/ocrctl/bin".into(),
    };
    let lines = arrival(&target(), Some(&full));
    assert_eq!(words(&lines)[1], ("agent", "failed"));
    let Verdict::Finding { fix, .. } = &lines[1].verdict else {
        panic!("{lines:?}");
    };
    assert!(fix.fix.contains("df -h /opt/ocrctl/bin"), "{fix:?}");
}

#[test]
fn clients_come_to_the_names() {
    let (a, b, router) = (ip("192.0.2.1"), ip("192.0.2.2"), ip("198.51.100.1"));
    assert_eq!(where_clients_come(&[a], &[a, b], 2), (vec![a], true));
    assert_eq!(where_clients_come(&[a], &[router], 1), (vec![router], true));
    // Which of the hosts a load balancer takes is not for us to say.
    assert_eq!(where_clients_come(&[a], &[router], 2), (vec![a], false));
    assert_eq!(where_clients_come(&[a], &[], 1), (vec![a], false));
}

#[test]
fn translated_ports_are_not_taken_for_the_hosts_own() {
    let address = ip("192.0.2.1");
    let target = target();
    let patient = Patient {
        target: &target,
        addresses: vec![address],
        named: false,
        attempts: vec![vec![(address, Attempt::Refused)]; 2],
    };
    let mut examined = Examined {
        lines: Vec::new(),
        ssh_port: 22,
        ports: PORTS
            .map(|number| Port {
                number,
                listener: None,
                let_in: Some(true),
            })
            .into(),
    };
    let told = |examined: Option<&Examined>| -> Vec<String> {
        let lines = ports(&patient, examined);
        words(&lines)
            .iter()
            .map(|(check, word)| format!("{check} {word}"))
            .collect()
    };
    assert_eq!(told(Some(&examined)), ["port 80 ok", "port 443 ok"]);
    examined.ssh_port = 2222;
    assert_eq!(told(Some(&examined))[0], "port 80 could not run");
    assert_eq!(told(None)[0], "port 80 could not run");
}
