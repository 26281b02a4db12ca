// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {EIP2612Permit, Permit2Proxy, PermitTransferFrom} from "./Permit2Proxy.sol";

/// @title A stand-in for x402UptoPermit2Proxy: up to the permitted amount goes to the payee the payer signed.
/// @notice Only the facilitator that the payer signed may settle, as it says how much. Functions, errors, events and
/// their order are those of the published contract's ABI, which knows no refusal of the amount 0: it spends the nonce.
contract UptoPermit2Proxy is Permit2Proxy {
    struct Witness {
        address to;
        address facilitator;
        uint256 validAfter;
    }

    bytes32 public constant WITNESS_TYPEHASH =
        keccak256("Witness(address to,address facilitator,uint256 validAfter)");
    string public constant WITNESS_TYPE_STRING =
        "Witness witness)TokenPermissions(address token,uint256 amount)Witness(address to,address facilitator,uint256 validAfter)";

    error AmountExceedsPermitted();
    error UnauthorizedFacilitator();

    function settle(
        PermitTransferFrom calldata permit,
        uint256 amount,
        address owner,
        Witness calldata witness,
        bytes calldata signature
    ) external oneAtATime {
        _settle(permit, amount, owner, witness, signature);
        emit Settled();
    }

    function settleWithPermit(
        EIP2612Permit calldata permit2612,
        PermitTransferFrom calldata permit,
        uint256 amount,
        address owner,
        Witness calldata witness,
        bytes calldata signature
    ) external oneAtATime {
        _approve(permit.permitted, owner, permit2612);
        _settle(permit, amount, owner, witness, signature);
        emit SettledWithPermit();
    }

    function _settle(
        PermitTransferFrom calldata permit,
        uint256 amount,
        address owner,
        Witness calldata witness,
        bytes calldata signature
    ) private {
        require(msg.sender == witness.facilitator, UnauthorizedFacilitator());
        require(amount <= permit.permitted.amount, AmountExceedsPermitted());
        _pay(
            permit,
            Payment({
                amount: amount,
                owner: owner,
                to: witness.to,
                validAfter: witness.validAfter,
                witness: keccak256(
                    abi.encode(WITNESS_TYPEHASH, witness.to, witness.facilitator, witness.validAfter)
                )
            }),
            WITNESS_TYPE_STRING,
            signature
        );
    }
}
