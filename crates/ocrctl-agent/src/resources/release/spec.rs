//! The container that a release is.

use sha2::{Digest, Sha256};

use super::{CONTAINER_ID, Release, Slot};
use crate::docker::{ContainerSpec, OWN_VARIABLE};
use ocrctl_protocol::{PageEngine, hex};

impl Release {
    /// Returns the id that the service reports: made of the image's digest and of its container's settings.
    pub(super) fn id(&self, image: &str) -> String {
        let digest = image.rsplit("sha256:").next().unwrap_or_default();
        let service = &self.service;
        let settings = (
            self.arguments(),
            service.memory,
            service.millicpus,
            service.pids,
        );
        let mut settings = format!("{settings:?}");
        // Left out where it is not set: releases from before there was a choice keep their ids.
        settings.extend(service.runtime.as_deref());
        let settings = hex(&Sha256::digest(settings));
        format!("{}-{}", &digest[..digest.len().min(12)], &settings[..6])
    }

    fn arguments(&self) -> Vec<String> {
        let service = &self.service;
        let workers = service.workers.map_or("auto".into(), |n| n.to_string());
        let seconds = |duration: std::time::Duration| format!("{}ms", duration.as_millis());
        let mut arguments: Vec<String> = [
            "serve",
            "--listen",
            "unix:/run/ocr/ocr.sock",
            "--keys",
            "/etc/ocr/keys.json",
            "--workers",
            &workers,
            "--languages",
            &service.languages.join(","),
            "--max-upload",
            &service.max_upload.to_string(),
            "--page-timeout",
            &seconds(service.page_timeout),
            "--deadline",
            &seconds(service.deadline),
            "--drain",
            &seconds(service.drain),
        ]
        .map(str::to_owned)
        .into();
        // Left out where it is not set: an image from before there was the argument starts all the same.
        if let Some(pages) = service.max_pages {
            arguments.extend(["--max-pages".into(), pages.to_string()]);
        }
        let engine = match service.engine {
            PageEngine::Auto => None,
            PageEngine::Ppocr => Some("ppocr"),
            PageEngine::Tesseract => Some("tesseract"),
        };
        arguments.extend(
            engine
                .into_iter()
                .flat_map(|engine| ["--engine".into(), engine.into()]),
        );
        if service.require_sandbox {
            arguments.push("--require-sandbox".into());
        }
        arguments
    }

    pub(super) fn spec(&self, image: &str, slot: Slot) -> ContainerSpec {
        let service = &self.service;
        ContainerSpec {
            image: image.to_owned(),
            arguments: self.arguments(),
            environment: vec![format!("{OWN_VARIABLE}{}", self.id(image))],
            binds: vec![
                format!("{}:/run/ocr", slot.directory()),
                "/etc/ocr:/etc/ocr:ro".into(),
            ],
            user: format!("{CONTAINER_ID}:{CONTAINER_ID}"),
            memory: service.memory,
            millicpus: service.millicpus,
            pids: service.pids,
            runtime: service.runtime.clone(),
        }
    }
}
