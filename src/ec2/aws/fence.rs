//! No call for a process that may not act any more.
//!
//! The SDK gives a request to a connection's task long after a pass has asked for it: credentials are found,
//! it is signed, a connection comes about. A call's action and parameters are its body, which that task takes
//! right before it writes: so the body refuses to be taken.

use std::pin::Pin;
use std::task::{Context, Poll};

use aws_sdk_ec2::{
    config::{ConfigBag, Intercept, RuntimeComponents, interceptors::BeforeTransmitInterceptorContextMut},
    error::BoxError,
};
use aws_smithy_types::body::SdkBody;
use http_body::{Body, Frame, SizeHint};

use crate::mandate::Mandate;

/// Gives every call a body that is there only while the mandate lasts.
#[derive(Debug)]
pub(super) struct Fence(pub(super) Mandate);

impl Intercept for Fence {
    fn name(&self) -> &'static str {
        "Fence"
    }

    /// Called when a request is signed, and before the connector has it.
    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.request_mut().body_mut();
        let whole = std::mem::replace(body, SdkBody::taken());
        *body = SdkBody::from_body_1_x(FencedBody { body: whole, mandate: self.0.clone() });
        Ok(())
    }
}

/// A body that is there only while the mandate lasts.
struct FencedBody {
    body: SdkBody,
    mandate: Mandate,
}

impl Body for FencedBody {
    type Data = <SdkBody as Body>::Data;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, BoxError>>> {
        if let Err(lapsed) = self.mandate.check() {
            return Poll::Ready(Some(Err(lapsed.into())));
        }
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        Body::size_hint(&self.body)
    }
}
