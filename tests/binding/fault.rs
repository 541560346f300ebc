//! What a kernel, a kubelet or a disk may have against the agent.

/// A fault. It lasts until it is taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// A write to `driver_override` goes well and changes nothing.
    OverrideIgnored,
    /// A write to `driver_override` fails.
    OverrideFails,
    /// `unbind` of the kernel's own driver fails.
    UnbindFails,
    /// It is not answered.
    UnbindHangs,
    /// `bind` of the DPDK driver has the driver's error.
    BindFails,
    /// `bind` goes well and binds nothing.
    BindIgnored,
    /// It is not answered.
    BindHangs,
    /// The DPDK driver is not loaded any more.
    DriverGone,
    /// The file for programs never comes.
    NodeNever,
    /// It comes late.
    NodeLate,
    /// `unbind` of the DPDK driver fails.
    LeaveFails,
    /// A program has the device open, so `unbind` of vfio waits.
    Opened,
    /// `drivers_probe` goes well and finds no driver.
    ProbeFindsNothing,
    /// Neither a probe nor a bind brings the kernel's own driver back.
    NativeFails,
    /// The kernel's own driver makes no link.
    LinkNever,
    /// It makes one late.
    LinkLate,
    /// Kubelet is not there.
    KubeletDown,
    /// Kubelet takes lists late.
    KubeletSlow,
    /// The journal cannot be written.
    DiskFull,
    /// The host cannot be seen.
    Blind,
    /// Other network namespaces cannot be seen.
    BlindElsewhere,
    /// What the agent says of slots is not written.
    StatusLost,
}

impl Fault {
    /// All that there are.
    pub const ALL: [Self; 22] = [
        Self::OverrideIgnored,
        Self::OverrideFails,
        Self::UnbindFails,
        Self::UnbindHangs,
        Self::BindFails,
        Self::BindIgnored,
        Self::BindHangs,
        Self::DriverGone,
        Self::NodeNever,
        Self::NodeLate,
        Self::LeaveFails,
        Self::Opened,
        Self::ProbeFindsNothing,
        Self::NativeFails,
        Self::LinkNever,
        Self::LinkLate,
        Self::KubeletDown,
        Self::KubeletSlow,
        Self::DiskFull,
        Self::Blind,
        Self::BlindElsewhere,
        Self::StatusLost,
    ];
}
