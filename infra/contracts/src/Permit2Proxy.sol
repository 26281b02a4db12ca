// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

struct TokenPermissions {
    address token;
    uint256 amount;
}

struct PermitTransferFrom {
    TokenPermissions permitted;
    uint256 nonce;
    uint256 deadline;
}

struct SignatureTransferDetails {
    address to;
    uint256 requestedAmount;
}

struct EIP2612Permit {
    uint256 value;
    uint256 deadline;
    bytes32 r;
    bytes32 s;
    uint8 v;
}

/// @dev The one function of Uniswap's Permit2 that a proxy needs.
interface ISignatureTransfer {
    function permitWitnessTransferFrom(
        PermitTransferFrom calldata permit,
        SignatureTransferDetails calldata transferDetails,
        address owner,
        bytes32 witness,
        string calldata witnessTypeString,
        bytes calldata signature
    ) external;
}

interface IPermit {
    function permit(
        address owner,
        address spender,
        uint256 value,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external;
}

/// @title What the stand-ins for the two x402 proxies have in common.
/// @notice A payer signs a Permit2 transfer whose only permitted spender is the proxy, with a witness that binds where
/// the money goes. Whoever calls the proxy cannot send it elsewhere.
/// @dev No constructor, no immutables and no storage: the code may be placed at any address.
abstract contract Permit2Proxy {
    ISignatureTransfer public constant PERMIT2 =
        ISignatureTransfer(0x000000000022D473030F116dDEE9F6B43aC78BA3);

    bool private transient _settling;

    event Settled();
    event SettledWithPermit();

    error InvalidOwner();
    error InvalidDestination();
    error PaymentTooEarly();
    error Permit2612AmountMismatch();
    error ReentrancyGuardReentrantCall();

    struct Payment {
        uint256 amount;
        address owner;
        address to;
        uint256 validAfter;
        bytes32 witness;
    }

    /// @dev A token that calls back must not settle a second payment inside the first.
    modifier oneAtATime() {
        require(!_settling, ReentrancyGuardReentrantCall());
        _settling = true;
        _;
        _settling = false;
    }

    function _pay(
        PermitTransferFrom calldata permit,
        Payment memory payment,
        string memory witnessTypeString,
        bytes calldata signature
    ) internal {
        require(payment.owner != address(0), InvalidOwner());
        require(payment.to != address(0), InvalidDestination());
        require(block.timestamp >= payment.validAfter, PaymentTooEarly());
        PERMIT2.permitWitnessTransferFrom(
            permit,
            SignatureTransferDetails(payment.to, payment.amount),
            payment.owner,
            payment.witness,
            witnessTypeString,
            signature
        );
    }

    /// @dev A permit that fails is no reason to stop: somebody may have brought it to the token before us, and then
    /// the allowance is there already.
    function _approve(
        TokenPermissions calldata permitted,
        address owner,
        EIP2612Permit calldata approval
    ) internal {
        require(approval.value == permitted.amount, Permit2612AmountMismatch());
        try IPermit(permitted.token).permit(
            owner,
            address(PERMIT2),
            approval.value,
            approval.deadline,
            approval.v,
            approval.r,
            approval.s
        ) {} catch {}
    }
}
